"""Tests of cms.content: the rules that a content type has of its own."""
