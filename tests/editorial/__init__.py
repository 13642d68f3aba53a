"""Tests of cms.editorial."""
