"""Tuning with an equal budget: every method gets the same number of trials and seconds, judged on the validation part.

`space` says what a method's settings are drawn from, `search` lists the trials and judges them, `winners` keeps what
won and tells it to experiments, `command` is `python -m bench tune`.
"""

from bench.tuning.winners import tuned as tuned
