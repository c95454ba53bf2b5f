"""What nodes hand each other as JSON: each a frozen class with a version."""
