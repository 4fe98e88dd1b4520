"""Personal ranking of new papers, as a library: no web framework, no templates, no scheduler."""
