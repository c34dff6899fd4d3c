"""Case leads (案源线索): a failed test opens one. A lead never is a violation by itself."""
