"""What reports read: results, frames, published figures."""
