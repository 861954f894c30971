"""Tests of a policy: told evidence in, expected outcomes out, and what no test would notice."""
