"""What Bigin allows and refuses; each rule names its line of the facts."""
