"""Settings, all from the environment."""
import os

DATABASE = os.environ.get("DATABASE_PATH", "data/notes.db")
PAGE_SIZE = int(os.environ.get("PAGE_SIZE", "20"))

# Writing needs the key, so starting without one makes no sense.
API_KEY = os.environ["API_KEY"]
DATABASE_PASSWORD = os.environ.get("DATABASE_PASSWORD", "")
