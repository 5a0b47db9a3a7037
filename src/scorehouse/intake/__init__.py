"""From files to tables: recognise, read, check; what is wrong becomes a finding."""
