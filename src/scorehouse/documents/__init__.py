"""Pages for people: HTML that stands alone, from templates."""
