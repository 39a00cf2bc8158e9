"""Results: what runs came to, as tables, meta-datasets and surrogates that are fitted on them."""
