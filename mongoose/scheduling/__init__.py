"""Update policies, one file each: which rows of the tables to bring up to date, and when."""
