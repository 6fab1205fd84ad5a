"""Error messages in the language of the window.

The library returns English messages and the kind of every failure. The English window shows these messages
without advice for the command line. The Chinese one has its own sentences: selected by the English message if
it is known, else by the kind. The English message is shown under "Details".
"""

from __future__ import annotations

import re

import imgpar

KINDS = {
    "SourceError": "无法读取：文件可能已被移走、没有权限，或磁盘已断开。",
    "NoFileError": "文件不存在，或不是普通文件。",
    "OutOfMemoryError": "内存不足，无法处理这个文件。",
    "UnknownFormatError": "不是可识别的图片或视频。",
    "UnsupportedError": "文件可能完好，但 imgpar 不支持这一种类。",
    "MissingExtraError": "这种格式需要另外安装一个软件包。",
    "LimitError": "文件太大，超出限制。",
    "DamagedError": "文件已损坏或不完整。",
    "LockedError": "文件已加密，需要密码或授权才能打开。",
    "TransformError": "处理图片时失败。",
    "EncodeError": "无法写成所选格式，请选择其他格式。",
    "UnmetError": "达不到要求的文件大小或画质。",
    "CommitError": "无法保存结果，请检查保存位置。",
    "WorkerDiedError": "处理此文件的程序崩溃了，文件可能已损坏。",
    "RunError": "转换程序无法启动，或反复崩溃。请点“重试”；仍然失败时请重新启动电脑。",
    "CancelledError": "已取消。",
    "NoInputError": "拖入的内容中没有图片或视频。",
    "BadValueError": "有一个设置不正确。",
    "UnknownSettingError": "有一个设置不存在。",
    "UsageError": "无法按这些设置转换。",
}
"""Sentences by the name of the exception."""

KNOWN = {
    # files that cannot be read
    r"^It does not exist|^Nothing matches": "文件不存在。",
    r"link to a file that does not exist": "这是一个失效的链接。",
    r"^It cannot be read: Permission denied": "没有读取权限。",
    r"^(It cannot be read: )?No such file": "文件已不在原处，请检查磁盘是否断开。",
    r"^It cannot be read: (Input/output error|Transport endpoint|No such device|Stale)": (
        "磁盘读取出错，或磁盘已断开。请重新连接，然后点“重试”。"
    ),
    r"^It changed while": "转换时文件发生了变化。等文件完整后，请点“重试”。",
    r"^It is empty": "文件是空的（0 字节）。",
    r"^It is inside of (.+), which is a file": "此路径位于文件 {0} 之内。如果它是压缩包，请拖入压缩包本身。",
    r"^It is a folder where": "这是文件夹，不是文件。",
    r"^It is (a named pipe|a socket|a device)": "这不是普通文件。",
    # what is in them
    r"^It is a clip \(": "这是视频，名称却像图片。请改用视频的扩展名。",
    r"^It is a picture \(": "这是图片，名称却像视频。请改用图片的扩展名。",
    r"not of a known picture format, although its name says ([^.]+)\.": (
        "虽然名称是 {0}，内容却不是可识别的图片。"
    ),
    r"not of a known picture format": "内容不是可识别的图片。",
    r"^Its format cannot be told from its name": "名称和内容都看不出是什么格式。它可能不是图片或视频。",
    r"needs the package (\S+), which": "这种格式需要安装软件包 {0}。",
    r"^A package is missing": "缺少一个软件包。",
    r"It has (\d+)×(\d+) = [\d,]+ pixels": "图片太大：{0} × {1} 像素，超出限制。",
    r"It has ([\d,]+) frames": "帧数太多：{0} 帧，超出限制。",
    r"(?i)(not enough|needs more|needs [\d,]+ MiB).* (memory|for)": "内存不足，无法处理这个文件。",
    # what becomes of them
    r"holds at most (\d+) pixels a side, this is (\d+)×(\d+)": (
        "这种格式每边最多 {0} 像素，图片为 {1} × {2}。请选择其他格式或缩小尺寸。"
    ),
    r"does not write (.+?)\.|cannot write (.+?)\.": "不支持写成这种格式。",
    r"It is no \w+, so it cannot become": "不能转换成这种类型的文件。",
    r"^([\d,]+) bytes cannot be met: at quality \d+ it has ([\d,]+)": (
        "无法小于 {0} 字节：质量最低时仍有 {1} 字节。请缩小尺寸或提高文件上限。"
    ),
    r"^([\d,]+) bytes cannot be met: .* it has ([\d,]+)": (
        "无法小于 {0} 字节：这种格式为 {1} 字节，没有质量可以降低。请选择其他格式。"
    ),
    r"exists\. Move it away|appeared after": "同名文件已经存在，没有覆盖。",
    r"cannot be written: (Permission denied|Read-only file system|Operation not permitted)": "没有写入权限。",
    r"cannot be written: a file and a folder": "文件与文件夹重名，无法保存。",
    r"cannot be written: (Input/output error|No such device|No such file)": "保存位置已断开或出错。",
    r"bytes on the disk instead of": "保存后的文件不完整，请检查磁盘。",
    r"^No space is left": "磁盘已满。请腾出空间，然后点“重试”。",
    r"took longer than ([\d.]+) s": "处理时间过长，已放弃。",
    r"no frame that could be read": "视频中没有可读取的画面。",
    # what the fields say
    r"for resize\b.* received '([^']*)'": "尺寸“{0}”不正确。请写成 1920、1920x1080、50% 这样的形式。",
    r"for quality but received '([^']*)'": "质量“{0}”不正确。请填 1 到 100 的整数。",
    r"for the largest file\b.* received '([^']*)'": "文件上限“{0}”不正确。请写成 500 kB、2 MB 这样的形式。",
    r"for the name\b.* received '([^']*)'": "文件名“{0}”不正确。例如 {{date:%Y-%m-%d}}_{{stem}}。",
    r"^There is no \{(\w*)\} in the name": "文件名中不能用“{0}”。例如 {{date:%Y-%m-%d}}_{{stem}}。",
    r"^the name '([^']*)' may lead out of OUT": "文件名“{0}”会离开保存位置。请不要用 .. 或以 / 开头。",
    r"^the name '([^']*)' has (\S) in it": "文件名“{0}”中不能有 {1}。",
    r"^In the name '([^']*)'": "文件名“{0}”不正确。例如 {{date:%Y-%m-%d}}_{{stem}}。",
    r"^The recipe (.+) makes several files of each picture, not": (
        "方案 {0} 会把每个图片变成几个文件，不能合成一个文件。"
    ),
    r"^The recipe (.+) makes several files of each picture, and": (
        "方案 {0} 已规定每个文件的尺寸、格式和文件名，请把这些字段设为“按方案”。"
    ),
    r"^The recipe (.+) makes several files of each picture, which": (
        "方案 {0} 会把每个图片变成几个文件，不能替换原文件。"
    ),
    r"^There is no \{(\w*)\} in watermark_text": "水印中不能用“{0}”。可用 date、copyright、stem 等。",
    r"^There is no picture (.+) for the watermark": "水印图片 {0} 不存在。",
    r"watermark": "水印不正确，请另选文字或图片。",
    r"allow.private|private (address|network)|is not public": "不能下载本机或内网的地址。",
    r"^The recipe (.+) cannot be read": "无法读取方案文件 {0}。",
    r"^The recipe (.+) is not valid TOML": "方案文件 {0} 不是有效的 TOML。",
    r"^There is no key (\S+) in (.+?)\. ": "方案文件 {1} 中的“{0}”无法识别。",
    r"do(es)? not exist\. Check the spelling": "拖入的文件不存在，可能已被移走。",
    r"^OUT is the input folder itself": "保存位置就是原文件夹。请选择其他保存位置。",
    # what is to be known of a run
    r"has ([\d,]+) MB free, and the outputs may take ([\d,]+) MB": "磁盘剩余 {0} MB，结果可能需要 {1} MB。",
    r"cannot be locked there": "保存位置无法加锁，请不要同时再开一个窗口转换到那里。",
}
"""Sentences by patterns of the English message; `{0}` is the first group."""


GONE = re.compile("was removed during the run|disk I/O error|Input/output error|No such device")
"""Messages about an output folder whose drive was removed."""


def chinese(said: str, kind: str = "") -> str:
    """The Chinese sentence for an English message and its kind; empty if there is none.

    >>> chinese("It is empty (0 bytes).", "DamagedError")
    '文件是空的（0 字节）。'
    """
    for pattern, sentence in KNOWN.items():
        if found := re.search(pattern, said):
            return sentence.format(*found.groups(""))
    return KINDS.get(kind, "")


def plain_sentences(text: str) -> str:
    """The message without sentences that mention command-line flags.

    >>> plain_sentences("It has 3 GB. Raise the limit with --max-pixels.")
    'It has 3 GB.'
    """
    text = text.partition("\n")[0]
    sentences = re.split(r"(?<=[.!?]) +(?=[A-Z])", text)
    good = [sentence for sentence in sentences if not re.search(r"(?<!\S)--?[a-z]|\bimgpar \w+ ", sentence)]
    return one_line(" ".join(good or sentences[:1]))


def one_line(text: str) -> str:
    r"""A text on one line, with line breaks and invalid UTF-8 made visible.

    >>> print(one_line("a\nb\udcff.jpg"))
    a⏎b�.jpg
    """
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "⏎" if c == "\n" else "�" for c in clean)


def whole(outcome: imgpar.Outcome) -> str:
    """All information about one file, in English, for a bug report."""
    parts = [outcome.error, *outcome.notes]
    parts += [f"lost: {', '.join(outcome.lost)}"] if outcome.lost else []
    parts += [f"{outcome.kind} in stage {outcome.stage}"] if outcome.kind else []
    return "\n".join([*parts, outcome.traceback]).strip()
