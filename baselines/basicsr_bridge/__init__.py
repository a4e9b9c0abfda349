"""Any architecture of an installed BasicSR as a method."""
