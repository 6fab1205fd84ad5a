"""What the library says of a picture, beside errors: what an output lacks, and notes."""

from __future__ import annotations

import re

LOSSES: dict[str, tuple[str, str]] = {
    "ACL": ("access rights (ACL)", "访问权限（ACL）"),
    "alpha": ("transparency", "透明度"),
    "attachment": ("attachment", "附件"),
    "camera segments": ("private data of the camera", "相机私有数据"),
    "channels": ("further channels", "其他通道"),
    "chapters": ("chapters", "章节"),
    "chroma detail": ("fine detail of the colours", "颜色细节"),
    "comment": ("the comment", "注释"),
    "cover": ("the cover picture", "封面图"),
    "cover picture": ("the cover picture", "封面图"),
    "density": ("dots per inch", "分辨率（DPI）"),
    "depth": ("fine steps of brightness (bit depth)", "亮度细节（位深）"),
    "depth map": ("the depth map", "景深图"),
    "exif": ("data of the camera (EXIF)", "相机信息（EXIF）"),
    "extended attributes": ("extended attributes", "扩展属性"),
    "extended xmp": ("extended XMP data", "扩展 XMP 数据"),
    "frames": ("further frames", "其他帧"),
    "gain map": ("brightness for HDR screens (gain map)", "HDR 亮度（增益图）"),
    "gamut": ("colours outside the format's range", "超出色域的颜色"),
    "gps": ("the place (GPS)", "拍摄地点（GPS）"),
    "hard links": ("hard links", "硬链接"),
    "hdr": ("brightness for HDR screens", "HDR 亮度"),
    "icc": ("the colour profile", "颜色配置文件"),
    "interlacing": ("interlacing", "隔行扫描"),
    "iptc": ("captions (IPTC)", "图片说明（IPTC）"),
    "loop count": ("number of repetitions", "循环次数"),
    "maker note": ("data of the maker of the camera", "相机厂商信息"),
    "metadata": ("metadata", "元数据"),
    "other pictures": ("further pictures in the file", "文件中的其他图片"),
    "owner": ("the owner of the file", "文件所有者"),
    "pages": ("further pages", "其他页"),
    "paths": ("clipping paths", "剪贴路径"),
    "pictures outside the file": ("pictures outside the file", "文件以外的图片"),
    "second picture": ("the second picture", "第二张图片"),
    "sound": ("the sound", "声音"),
    "subtitles": ("subtitles", "字幕"),
    "timecode": ("the timecode", "时间码"),
    "variable frame rate": ("the variable frame rate", "可变帧率"),
    "video": ("the video", "视频画面"),
    "video stream": ("a further video stream", "另一条视频流"),
    "xmp": ("XMP data", "XMP 数据"),
}
"""What an output may lack → English, Chinese."""

NOTES = {
    r"^(.+) made anew, because the inputs changed": "原文件有变化，已重新生成：{0}。",
    r"of them (is|are) \(XMP, AAE\)": "其中有附属文件（XMP、AAE），未处理。",
    r"made with other settings will be replaced": "以前用其他设置生成的文件将被替换。",
    r"^another input of an earlier run has its name": "以前的文件已用此名称，因此改用了这个名称。",
    r"^only the smallest of these": "只保存其中最小的一个。",
    r"has an older original": "更早的原文件已保存。",
    r"was changed after the run; it was left alone": "转换后又被修改，未作改动。",
    r"put back: the run before this one ended too early": "上次转换中断，原文件已恢复。",
    r"^The journal .+ was damaged": "转换记录已损坏，已新建一份。",
    r"its orientation stays a tag": "方向保留为标记，未旋转像素。",
    r"^quality (\d+): ([\d,]+) bytes": "质量 {0}，{1} 字节。",
    r"^quality (\d+): ": "质量 {0}。",
    r"is the smallest \(": "选用了文件最小的格式。",
    r"^(.+) was left out: ": "{0} 格式无法使用，已略过。",
    r"it is a link; the file itself": "这是链接，文件本身已作为输入转换。",
    r"^its content is that of (.+?)(, so|$)": "内容与 {0} 相同。",
    r"AVIF of (\d+) bits is written with 4:2:0": "{0} 位的 AVIF 以 4:2:0 保存颜色。",
    r"the colour profile is broken or for other colours|parts of the colour profile are missing|"
    r"its colour profile cannot be read|the colour profile cannot be used": (
        "颜色配置文件无法使用，颜色按 sRGB 处理。"
    ),
    r"its (ICC profile was not read|colours .* were taken as sRGB)": "颜色按 sRGB 处理。",
    r"its density of .* was dropped": "这种格式不能保存分辨率（DPI）。",
    r"sizes above (\d+) pixels are left out": "原图不够大，未生成大于 {0} 像素的尺寸。",
    r"JPEG 2000 of 16 bits": "16 位的 JPEG 2000 以无损方式保存。",
    r"the preview beside the picture was dropped": "已去除文件中附带的预览图。",
    r"EXIF data are broken": "相机信息（EXIF）已损坏，未保留。",
    r"no position: ": "没有可写入的拍摄地点。",
    r"optimised with zlib only": "未安装 oxipng，只作了普通压缩。",
    r"damaged ancillary chunks were dropped": "已去除损坏的附加数据。",
    r"was tone mapped": "HDR 已转换为普通亮度。",
    r"developed with the white balance of the camera": "按相机的白平衡冲洗。",
    r"no installed font has|may be boxes": "系统缺少部分文字的字体，可能显示为方框。",
    r"values that are not numbers": "无效的像素值显示为黑色。",
    r"its floats reach from": "浮点像素按 0 为黑、1 为白处理。",
    r"its values are signed": "带符号的像素值：最小值显示为黑色。",
    r"holds the outputs of a run and was skipped": "其中一个文件夹是以前的结果，未再转换。",
    r"^written as (.+?): ": "改用 {0} 格式保存。",
    r"LAB was converted to sRGB": "LAB 颜色已转换为 sRGB。",
    r"linear light was given": "线性亮度已转换为 sRGB。",
    r"using anonymous shared memory": "共享内存较小，已改用其他方式。",
    r"each frame is repeated until": "画面重复以保持固定帧率。",
    r"pixels made square": "像素已改为正方形。",
    r"converted with (\S+)$": "声音以 {0} 重新编码。",
    r"of clips one frame is shown": "视频只取一帧。",
    r"transparency is kept in": "要保留透明度，请选择 WebM。",
    r"parts were there already": "部分内容已存在，无需重做。",
    r"^This process is daemonic": "无法启动其他进程，转换在本进程内完成。",
    r"was not written, because the run was stopped": "已停止，报告未写入。",
    r"to be checked: the notes in the report": "有些图片需要检查，请看报告。",
}
"""Chinese sentences by patterns of the English note; `{0}` is the first group."""


REMOVED = re.compile(r"^removed, as \S+ asks: (.+)$")
"""A note on metadata that were removed because a setting says so."""


def loss(word: str, language: str) -> str:
    """The name of what an output lacks.

    >>> loss("gps", "en"), loss("metadata: compilation", "zh")
    ('the place (GPS)', '元数据: compilation')
    """
    kind, mark, rest = word.partition(":")
    found = LOSSES.get(word) or LOSSES.get(kind) or LOSSES.get(re.sub(r" \d+.*$", "", word))
    if found is None:
        return word
    name = found[1 if language == "zh" else 0]
    return f"{name}{mark}{rest}" if mark else name


def chinese_note(said: str) -> str:
    """The Chinese sentence for a note; empty if there is none."""
    for pattern, sentence in NOTES.items():
        if found := re.search(pattern, said):
            return sentence.format(*found.groups(""))
    return ""
