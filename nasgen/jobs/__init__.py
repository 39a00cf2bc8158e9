"""Long jobs of many pieces: all cores work on them, and a journal keeps what is done."""
