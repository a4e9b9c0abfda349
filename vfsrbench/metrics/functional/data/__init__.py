"""Small published constants that metrics need, with their licences."""
