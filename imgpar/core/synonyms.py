"""Words that other tools use for settings of imgpar.

Some are accepted as flags: they mean the same and take the same values (`ALIASES`, and American spelling).
The others are answered with the name that imgpar has for it (`MEANT`), or with a sentence (`SENTENCES`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

ALIASES = {
    "format": "to",
    "output": "out",
    "output_dir": "out",
    "output_folder": "out",
    "out_dir": "out",
    "outdir": "out",
    "directory_prefix": "out",
    "grayscale": "grey",
    "greyscale": "grey",
}
"""Word → setting with the same meaning and values."""

MEANT = {
    "to": "ext extension type convert_to output_format fmt encode_format",
    "resize": "scale size dimensions geometry thumbnail thumb max_width max_height long_edge longest "
    "shortest percent image_size width height zoom downscale shrink",
    "sizes": "widths srcset responsive breakpoints",
    "quality": "jpeg_quality webp_quality q qual crf bitrate cq encode_quality",
    "max_bytes": "max_size max_filesize file_size size_limit target_size extent limit_size",
    "target": "ssim target_quality min_quality quality_target vmaf butteraugli ssimulacra2 dssim",
    "effort": "compression compress compression_level speed_level method zlib_level",
    "jobs": "threads workers parallel processes concurrency procs cpus cores n_jobs num_workers "
    "processes_count",
    "on_exists": "overwrite yes force skip_existing no_clobber no_overwrite existing ignore_existing "
    "replace clobber",
    "in_place": "inplace mogrify overwrite_input",
    "strip": "strip_metadata no_metadata no_exif remove_exif exif strip_exif remove_metadata no_gps",
    "metadata": "keep_metadata with_metadata copy_metadata preserve_metadata",
    "colour": "icc icc_profile colorspace colourspace color_space colour_space srgb to_srgb color_profile",
    "progressive": "interlace interlaced interlacing",
    "background": "bg fill_color fill_colour flatten matte alpha_color",
    "autocrop": "fuzz trim_borders shave_borders crop_borders",
    "sharpen": "sharp usm",
    "invert": "negate negative",
    "watermark_text": "text annotate caption label stamp",
    "watermark": "logo overlay mark",
    "border": "extend frame_border",
    "flip": "mirror flop hflip vflip",
    "dry_run": "dryrun simulate pretend noop no_op preview test_run",
    "report": "log log_file logfile summary output_json",
    "recipe": "preset settings config profile_file configuration",
    "fps": "frame_rate framerate rate",
    "codec": "vcodec video_codec encoder",
    "audio": "acodec audio_codec no_audio mute",
    "trim": "start duration clip from_to seek cut",
    "include": "pattern glob match only",
    "exclude": "ignore skip",
    "where": "filter select filter_by min_width min_height min_size min_image_size "
    "max_aspect_ratio max_image_area",
    "kernel": "resample resampling interpolation resize_filter algorithm",
    "enlarge": "upscale allow_upscale allow_enlarge",
    "fit": "aspect keep_aspect ignore_aspect aspect_ratio mode resize_mode",
    "gravity": "anchor position align",
    "name": "rename filename template output_name naming name_template",
    "duplicates": "dedupe dedup deduplicate skip_duplicates",
    "optimise": "lossless_optimise oxipng recompress",
    "files_from": "from_file file_list filelist list input_list url_list url_file input_file",
    "verify": "check_outputs validate",
    "lossless": "losslessly",
    "subsampling": "chroma chroma_subsampling sampling_factor",
    "verbose": "debug",
    "quiet": "silent",
    "estimate": "predict how_long",
    "downloads": "thread_count transfers max_concurrent_downloads concurrent_downloads connections",
    "per_host": "max_connection_per_server connections_per_host",
    "retries": "tries max_tries retry_count max_retries",
    "fetch_timeout": "read_timeout connect_timeout download_timeout",
    "max_download": "max_transfer max_download_size",
    "robots": "disallowed_header_directives respect_robots",
    "user_agent": "user_agent_token agent",
    "url_column": "url_col",
    "key_column": "key_col id_col",
    "caption_column": "caption_col",
    "shard": "number_sample_per_shard shard_size maxcount",
    "log_format": "use_json_log json_log log_json",
    "events": "event_log ndjson progress_json",
    "metrics": "prometheus",
}
"""Setting → words of other tools for it."""

VALUES = {
    "inside": "max scale-down scaledown limit clip thumb",
    "cover": "crop outside min slice",
    "contain": "pad letterbox meet",
    "fill": "stretch exact distort ignore squash force",
    "gps": "location locations position place places geo geotag geotags",
    "all": "everything metadata icc",
    "lanczos": "lanczos2 lanczos3",
    "nearest": "neighbor neighbour point pixel",
    "bilinear": "linear triangle",
    "bicubic": "cubic catrom",
    "date": "taken exif-date datetime",
}
"""Value → words of other tools for it."""

SENTENCES = {
    "auto_orient": "Pictures are always turned upright, so there is nothing to ask for.",
    "no_enlarge": "--resize never enlarges unless --enlarge is given, so there is nothing to ask for.",
    "input": "Inputs are named without a flag: imgpar convert photos/ -o web/",
    "incremental": "Every run does only what is not done yet, so there is nothing to ask for.",
    "save_additional_columns": "The report keeps all columns of a list, so there is nothing to ask for.",
    "disable_all_reencoding": "Files that nothing is asked for are copied as they are.",
    "progress": "Progress is shown on a terminal, and every 30 seconds elsewhere; --quiet hides it.",
    "no_check_certificate": "Certificates are always checked; SSL_CERT_FILE names a file with further ones.",
    "access_key": "Credentials come from the environment or files of their own; imgpar doctor lists them.",
}
"""Word → a whole sentence, in place of a setting."""

_SAME_SENTENCE = {
    "autorotate": "auto_orient", "auto_rotate": "auto_orient", "autoorient": "auto_orient",
    "no_upscale": "no_enlarge", "without_enlargement": "no_enlarge", "no_upscaling": "no_enlarge",
    "incremental_mode": "incremental", "resume": "incremental", "continue": "incremental",
    "show_progress": "progress", "stats": "progress", "insecure": "no_check_certificate",
    "secret_key": "access_key", "access_key_id": "access_key", "secret_access_key": "access_key",
    "http_user": "access_key", "http_password": "access_key", "token": "access_key",
    "in": "input", "i": "input", "src": "input", "source": "input", "inputs": "input", "input_dir": "input",
}  # fmt: skip

_SPELLINGS = (("color", "colour"), ("gray", "grey"), ("center", "centre"), ("ize", "ise"))


def british(word: str) -> Iterator[str]:
    """The word in British spelling; one result for each rule that changes it.

    >>> list(british("optimize")), list(british("replace_color"))
    (['optimise'], ['replace_colour'])
    """
    for american, spelling in _SPELLINGS:
        if american in word:
            yield word.replace(american, spelling)


def alias(word: str, known: Collection[str]) -> str:
    """The setting among `known` that this word certainly means; empty where there is none.

    >>> alias("format", ["to", "effort"]), alias("grayscale", ["grey"]), alias("threads", ["jobs"])
    ('to', 'grey', '')
    """
    candidates = [ALIASES.get(word, ""), *british(word)]
    candidates += [ALIASES.get(spelling, "") for spelling in british(word)]
    return next((name for name in candidates if name in known), "")


def meant(word: str, known: Collection[str]) -> str:
    """The setting among `known` that other tools call so; empty where there is none.

    >>> meant("threads", ["jobs", "timeout"]), meant("format", ["to", "effort"])
    ('jobs', 'to')
    """
    found, word = alias(word, known), snake(word)
    return found or next(
        (name for name, words in MEANT.items() if name in known and word in words.split()), ""
    )


def value_meant(word: str, known: Collection[str]) -> str:
    """The value among `known` that other tools call so; empty where there is none.

    >>> value_meant("outside", ["inside", "cover"]), value_meant("outside", ["jpeg"])
    ('cover', '')
    """
    return next(
        (value for value, words in VALUES.items() if value in known and word.lower() in words.split()), ""
    )


_SIZE_SUFFIXES = {
    ">": "leave '>' out: pictures are not enlarged unless enlarge (--enlarge) is set",
    "<": "leave '<' out and set enlarge (--enlarge)",
    "^": "leave '^' out and set fit to cover (--fit cover)",
    "!": "leave '!' out and set fit to fill (--fit fill)",
}
"""Suffixes of sizes of ImageMagick."""


def size_meant(text: str) -> str:
    """How a size in the notation of ImageMagick or FFmpeg is written here; empty for other texts.

    >>> size_meant("640:-1"), size_meant("2000000@")
    ('Write 640x, whose other side follows.', 'Write 2MP.')
    """
    found = re.fullmatch(r"[\dx]+%?([><^!])", text)
    if found:
        said = _SIZE_SUFFIXES[found[1]]
        return f"{said[0].upper()}{said[1:]}."
    if found := re.fullmatch(r"(\d+)@", text):
        return f"Write {int(found[1]) / 1e6:g}MP."
    if found := re.fullmatch(r"(?:scale=)?(\d{3,}|-\d)[:*](\d{3,}|-\d)", text):
        sides = ["" if side.startswith("-") else side for side in found.groups()]
        follows = ", whose other side follows" if "" in sides else ""
        return f"Write {'x'.join(sides)}{follows}." if any(sides) else ""
    return ""


def sentence(word: str) -> str:
    """The sentence about a word that stands for no setting; empty for other words.

    >>> sentence("autorotate")
    'Pictures are always turned upright, so there is nothing to ask for.'
    """
    word = snake(word)
    return SENTENCES.get(_SAME_SENTENCE.get(word, word), "")


def snake(word: str) -> str:
    """A word in camel case as words with underscores.

    >>> snake("withoutEnlargement"), snake("resize")
    ('without_enlargement', 'resize')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower()
