"""What a run writes for people and for web sites: report page, manifest, HTML snippets; and `imgpar compare`.

Pixels are looked at by workers (`looks`), the parent only puts text together.
"""
