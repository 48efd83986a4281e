"""BuildKit as Docker engines have it built in: what it tells of a build, and what it asks for meanwhile."""
