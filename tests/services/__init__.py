"""Real services for the tests: engines, registries, Redis, PostgreSQL and sshd, started by the tests themselves."""
