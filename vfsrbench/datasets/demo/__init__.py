"""The bundled clips, rendered from a public-domain portrait."""
