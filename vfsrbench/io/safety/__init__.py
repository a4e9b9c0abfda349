"""Files written whole, sealed by a checksum, noted as ours; no file of the user's is ever touched."""
