"""Invented districts and states: the demo's input and every test's and benchmark's generator."""
