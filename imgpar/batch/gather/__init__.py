"""One file of all inputs: a clip, an animation, a contact sheet, a document, or several clips joined.

planner ─► one job ─► work ─► frames: items in order, read by any worker ─► clip, sheet, document …
"""
