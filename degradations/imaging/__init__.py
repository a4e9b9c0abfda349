"""Pictures in other forms than RGB arrays."""
