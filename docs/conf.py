"""Sphinx builds the site from the Markdown files of this folder: python scripts/build_site.py"""

from __future__ import annotations

import builtins
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from imgpar import __version__  # noqa: E402

REPOSITORY = "https://github.com/imgpar/imgpar/blob/main/"

project = "imgpar"
author = "The imgpar authors"
copyright = author  # noqa: A001 - Sphinx reads this name
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["man/*", "_build"]
myst_enable_extensions = ["colon_fence", "fieldlist"]
myst_heading_anchors = 4
myst_links_external_new_tab = True
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
default_role = "code"  # docstrings have single backticks
nitpicky = False
html_theme = "furo"
html_title = "imgpar"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True


def _outside(_app: Any, _name: str, source: list[str]) -> None:
    """Links to files outside of this folder lead to the repository."""
    source[0] = re.sub(r"\]\((?:\.\./)+([^)#\s]+)", rf"]({REPOSITORY}\1", source[0])


def _own_names_only(_app: Any, tree: Any) -> None:
    """A type of Python, such as bytes, is no link: Sphinx would take an attribute of that name."""
    from sphinx.addnodes import pending_xref

    for link in list(tree.findall(pending_xref)):
        if link.get("refdomain") == "py" and hasattr(builtins, link["reftarget"]):
            link.replace_self(link.children)


def _whole_flags(_app: Any, _page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    """No line ends within a flag: browsers break after each hyphen."""

    def kept(code: re.Match[str]) -> str:
        return re.sub(r"(?<![\w<&./-])--?[a-z][a-z-]*\b", r'<span class="flag">\g<0></span>', code[0])

    if "body" in context:
        context["body"] = re.sub(r">[^<]*-[a-z][^<]*(?=</?(?:span|code|pre))", kept, context["body"])


def setup(app: Any) -> None:
    """Connect to Sphinx."""
    app.connect("source-read", _outside)
    app.connect("doctree-read", _own_names_only)
    app.connect("html-page-context", _whole_flags)
