"""Form files: TOML in, `Form` out; and the catalogue that finds them by id."""
