"""All texts of the window in English and Chinese, and error messages for laypeople."""

from __future__ import annotations

from typing import Any

import imgpar
from imgpar.desktop.problems import GONE, KINDS, chinese, one_line, plain_sentences
from imgpar.desktop.system import system_language

LANGUAGES = {"en": "English", "zh": "中文"}

TEXTS: dict[str, tuple[str, str]] = {
    # the window
    "drop": ("Drop pictures and folders here", "将图片或文件夹拖到这里"),
    "drop_how": ("or press Enter to choose files", "或按回车键选择文件"),
    "no_drop": (
        "Choose pictures (dropping needs the package tkinterdnd2)",
        "选择图片（拖放需要安装 tkinterdnd2）",
    ),
    "add_folder": ("&Add folder…", "添加文件夹(&A)…"),
    "options": ("Opt&ions", "选项(&I)"),
    "language": ("Language", "语言"),
    "look": ("Appearance", "外观"),
    "as_system": ("As the system", "跟随系统"),
    "light": ("Light", "浅色"),
    "dark": ("Dark", "深色"),
    # what is done
    "recipe": ("&Recipe", "方案(&R)"),
    "recipe_web": (
        "For the web: WebP, at most 1920 pixels, no GPS",
        "网页：WebP，最长边 1920 像素，去除 GPS",
    ),
    "recipe_thumbnails": ("Thumbnails: JPEG, 320 × 320, cropped", "缩略图：JPEG，320 × 320，裁剪"),
    "recipe_archive": ("For keeping: AVIF, original size", "存档：AVIF，原始尺寸"),
    "recipe_social": (
        "For social networks: JPEG, four shapes, no GPS",
        "社交网络：JPEG，四种比例，去除 GPS",
    ),
    "recipe_favicon": ("Icons of a web site: ICO and PNG", "网站图标：ICO 和 PNG"),
    "recipe_none": ("Only what is set below", "仅按下面的设置"),
    "recipe_file": ("Another recipe file…", "其他方案文件…"),
    "make": ("&Make", "生成(&M)"),
    "make_": ("a file of each", "每个文件各一个"),
    "make_sheet": ("one contact sheet", "一张缩略图总览"),
    "make_pdf": ("one PDF", "一个 PDF"),
    "format": ("&Format", "格式(&F)"),
    "size": ("Si&ze", "尺寸(&Z)"),
    "quality": ("&Quality", "质量(&Q)"),
    "largest": ("Lar&gest file", "文件上限(&G)"),
    "any_size": ("any size", "不限"),
    "name": ("Nam&es", "文件名(&E)"),
    "as_original": ("as the original", "与原文件相同"),
    "name_date": ("date and name", "日期和原名"),
    "name_width": ("name and width", "原名和宽度"),
    "hint_size": (
        "Longest edge in pixels, or such as 1920x1080, width=800, 50%, 10x15cm, A4.",
        "最长边的像素数，或 1920x1080、width=800、50%、10x15cm、A4 等。",
    ),
    "hint_quality": ("1 to 100. Photos need 75 to 90.", "1 到 100，照片一般用 75 到 90。"),
    "hint_largest": (
        "The quality is lowered until each file is smaller than this, such as 500 kB or 2 MB.",
        "降低质量，直到每个文件小于这个值，例如 500 kB 或 2 MB。",
    ),
    "hint_name": (
        "With {{stem}} (its name), {{date:%Y-%m-%d}}, {{n:03}} (number), {{width}}, {{parent}} (folder).",
        "可用 {{stem}}（原名）、{{date:%Y-%m-%d}}、{{n:03}}（序号）、{{width}}、{{parent}}（文件夹）。",
    ),
    "as_recipe": ("as in the recipe", "按方案"),
    "folder": ("Results go to", "保存到"),
    "beside": ("a folder next to the originals", "原文件旁边的文件夹"),
    "choose": ("C&hoose…", "选择(&H)…"),
    "reset": ("&Next to the originals", "原文件旁边(&N)"),
    # while it works
    "ready": ("Ready.", "就绪。"),
    "looking": ("Looking for pictures… {done} done", "正在查找图片…… 已完成 {done} 个"),
    "reading": ("Reading dates and sizes… {done} read", "正在读取日期和尺寸…… 已读 {done} 个"),
    "working": ("{done} of {total} done", "已完成 {done} / {total}"),
    "problems_too": ("{failed} with problems", "{failed} 个有问题"),
    "still": ("the next takes {time} so far", "下一个已用 {time}"),
    "left_time": ("about {time} left", "大约还需 {time}"),
    "seconds": ("{n} s", "{n} 秒"),
    "minutes": ("{n} min", "{n} 分钟"),
    "hours": ("{n} h", "{n} 小时"),
    "pausing": ("Finishing what has begun…", "正在完成已开始的文件……"),
    "paused": ("Paused. {done} of {total} done.", "已暂停。已完成 {done} / {total}。"),
    "gathering_sheet": ("Making a contact sheet of {total}", "正在由 {total} 个文件生成总览"),
    "gathering_pdf": ("Making a PDF of {total}", "正在由 {total} 个文件生成 PDF"),
    "reporting": ("The report is written…", "正在生成报告……"),
    "stopping": ("Stopping…", "正在停止……"),
    "done": ("Done: {ok} converted", "完成：已转换 {ok} 个"),
    "stopped": ("Stopped: {ok} converted", "已停止：已转换 {ok} 个"),
    "done_one": ("Done: {ok} in one file", "完成：{ok} 个合成一个文件"),
    "done_files": ("Done: {ok} in {files} files", "完成：{ok} 个合成 {files} 个文件"),
    "not_made": ("Not made", "未生成"),
    "skipped_too": ("{skipped} were there already", "{skipped} 个已经存在"),
    "not_begun": ("{left} not begun", "{left} 个未开始"),
    "sizes_too": ("{before} became {after}", "{before} 变为 {after}"),
    "nothing": (
        "There is no picture or clip in what you dropped.",
        "拖入的内容中没有图片或视频。",
    ),
    "ignored": ("other files, left alone: {count}", "其他 {count} 个文件未处理"),
    "queued": ("{count} more drops wait", "还有 {count} 批等待处理"),
    # files
    "all_files": ("A&ll files ({count})", "全部文件(&L)（{count}）"),
    "problems": ("Pro&blems ({count})", "问题(&B)（{count}）"),
    "file": ("File", "文件"),
    "state": ("State", "状态"),
    "bytes": ("Before → after", "转换前 → 后"),
    "what": ("What happened", "发生了什么"),
    "waiting": ("waiting", "等待中"),
    "not_done": ("– not done", "– 未转换"),
    "frames": ("… {share} ({done} of {total} frames)", "… {share}（{done} / {total} 帧）"),
    "at_work": ("… at work, {time}", "… 正在转换，{time}"),
    "ok": ("✓ converted", "✓ 已转换"),
    "unchanged": ("✓ unchanged since last time", "✓ 与上次相同"),
    "skipped": ("– there already", "– 已存在"),
    "incomplete": ("– the file of all was not made", "– 未生成文件"),
    "taken": ("✓ in the file", "✓ 已放入文件"),
    "twice": ("– the same file as another one", "– 与另一个文件相同"),
    "failed": ("✗ problem", "✗ 有问题"),
    "lost": ("lost: {what}", "丢失：{what}"),
    "before": ("Before", "转换前"),
    "after": ("After", "转换后"),
    "no_preview": ("no preview", "无预览"),
    # buttons
    "pause": ("&Pause", "暂停(&P)"),
    "go_on": ("&Continue", "继续(&C)"),
    "again": ("&Try again", "重试(&T)"),
    "stop": ("&Stop", "停止(&S)"),
    "stop_now": ("&Stop at once", "立即停止(&S)"),
    "details": ("&Details…", "详细信息(&D)…"),
    "details_title": ("Details", "详细信息"),
    "in_english": ("In full, for a report of a fault:", "完整的英文说明，可用于反馈问题："),
    "copy": ("Copy", "复制"),
    "shut": ("Close", "关闭"),
    "undo": ("&Undo", "撤销(&U)"),
    "open": ("&Open folder", "打开文件夹(&O)"),
    "open_sheet": ("&Open sheet", "打开总览(&O)"),
    "open_pdf": ("&Open PDF", "打开 PDF(&O)"),
    "report": ("&View report", "查看报告(&V)"),
    # questions
    "close_title": ("Work is under way", "正在转换"),
    "close_ask": (
        "Files are still being converted. Stop and close? What is done stays done.",
        "仍在转换文件。要停止并关闭吗？已完成的文件会保留。",
    ),
    "undo_title": ("Undo", "撤销"),
    "undo_ask": (
        "Delete the {count} new files in {folder}? The originals stay where they are.",
        "要删除 {folder} 中的 {count} 个新文件吗？原文件不受影响。",
    ),
    "undoing": ("Undoing…", "正在撤销……"),
    "undone": ("{count} new files were deleted.", "已删除 {count} 个新文件。"),
    "undone_kept": (
        "{count} new files were deleted. {kept} were changed since, or cannot be deleted, and stay.",
        "已删除 {count} 个新文件。{kept} 个已被修改或无法删除，予以保留。",
    ),
    # problems, by what they are
    "DiskFullError": (
        "The disk is full. Free some space, then press Try again.",
        "磁盘已满。请腾出空间，然后点“重试”。",
    ),
    "OutputError": (
        "Nothing can be written to {folder}. Choose another folder for the results, then press Try again.",
        "无法写入 {folder}。请选择其他保存位置，然后点“重试”。",
    ),
    "gone": (
        "The folder {folder} is gone. If it is on a drive, connect that again, then press Try again.",
        "{folder} 已不存在。如果它在外接磁盘上，请重新连接，然后点“重试”。",
    ),
    "OutputLockedError": (
        "Another window is converting to {folder}. Wait until it is through, then press Try again.",
        "另一个窗口正在向 {folder} 转换。请等它完成，然后点“重试”。",
    ),
    "ArenaError": (
        "There is too little memory. Close other programs, then press Try again.",
        "内存不足。请关闭其他程序，然后点“重试”。",
    ),
    "unexpected": ("Something unexpected happened: {text}", "发生意外错误：{text}"),
    "wrong": ("This does not work: {text}", "无法执行：{text}"),
    # without a window
    "no_tkinter": (
        "This Python has no tkinter, so there is no window; this goes on in the terminal.",
        "此 Python 没有 tkinter，无法打开窗口，改在终端中继续。",
    ),
    "no_display": (
        "There is no display for a window, so this goes on in the terminal.",
        "没有可用的显示器，无法打开窗口，改在终端中继续。",
    ),
    "name_files": (
        "Name files or folders to convert, for example: {command}",
        "请指出要转换的文件或文件夹，例如：{command}",
    ),
}
"""Key → English, Chinese; `&` precedes the access key. Texts with numbers are valid for 0, 1 and more."""


class Texts:
    """The texts of one language.

    >>> Texts("en")("working", done=3, total=10)
    '3 of 10 done'
    """

    def __init__(self, language: str = "") -> None:
        self.language = language if language in LANGUAGES else system_language()
        self._column = list(LANGUAGES).index(self.language)

    def __call__(self, key: str, **facts: Any) -> str:
        """The text for a key, with its values inserted."""
        return self.marked(key, **facts)[0]

    def marked(self, key: str, **facts: Any) -> tuple[str, int]:
        """The text for a key, and the index of its access key; −1 if it has none.

        >>> Texts("en").marked("options")
        ('Options', 3)
        """
        text = TEXTS[key][self._column]
        return text.replace("&", "", 1).format(**facts), text.find("&")

    def join(self, parts: list[str]) -> str:
        """Join texts into one line."""
        return (" · " if self.language == "en" else "，").join(part for part in parts if part)

    def duration(self, seconds: float) -> str:
        """A rounded duration.

        >>> Texts("en").duration(200)
        '3 min'
        """
        for unit, length in (("hours", 3600.0), ("minutes", 60.0)):
            if seconds >= 1.5 * length:
                return self(unit, n=round(seconds / length))
        return self("seconds", n=max(1, round(seconds)))

    def problem(self, outcome: imgpar.Outcome) -> str:
        """The reason of a failed file."""
        if self.language == "zh":
            known = chinese(outcome.error, outcome.kind)
            return one_line(known or self("unexpected", text=plain_sentences(outcome.error)))
        return plain_sentences(outcome.error)

    def note(self, text: str) -> str:
        """A note of the library."""
        return one_line((chinese(text) if self.language == "zh" else "") or plain_sentences(text))

    def error(self, error: Exception, folder: str) -> str:
        """The reason of a failed or aborted run."""
        said, names = str(error), [kind.__name__ for kind in type(error).__mro__]
        kind = next((name for name in names if name in TEXTS or name in KINDS), "")
        if kind in TEXTS:
            return self("gone" if GONE.search(said) else kind, folder=one_line(folder))
        if self.language == "zh" and (known := chinese(said)):
            return one_line(known)
        if self.language == "zh" and kind:
            return KINDS[kind]
        if isinstance(error, imgpar.UsageError):
            return self("wrong", text=plain_sentences(said))
        return self("unexpected", text=plain_sentences(said if kind else f"{type(error).__name__}: {said}"))


def size_text(count: int) -> str:
    """A number of bytes in units of 1000.

    >>> size_text(1_234_567)
    '1.2 MB'
    """
    number, unit = count / 1000, "kB"
    for bigger in ("MB", "GB", "TB"):
        if number < 999.95:
            break
        number, unit = number / 1000, bigger
    return f"{number:.1f} {unit}"
