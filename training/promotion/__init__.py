"""Whether a candidate replaces the champion, and the registration of the one that does."""
