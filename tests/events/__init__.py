"""Tests of cms.events."""
