"""Calendars of other channels, such as 途家, Airbnb and Booking, which sell the same homes.

Their nights are read by the sweep and held; ours are in a private feed that each of them reads.
docs/decisions/0020-channel-calendars.md gives the reasons.
"""
