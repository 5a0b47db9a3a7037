"""What leaves the house towards another system: de-identified, packaged, sent, proved."""
