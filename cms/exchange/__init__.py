"""Content in and out as files: a folder per content type, a file per record, through the services of every door."""
