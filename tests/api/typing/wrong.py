"""Wrong use of the public names: checkers report the lines that are marked, and no others. Never run."""

from __future__ import annotations

import imgpar

pipe = imgpar.Pipeline()
report = imgpar.convert("photos/", "web/")

pipe.rezise("1920")  # error
pipe.resize()  # error
pipe.resize("1920", "cover")  # error
pipe.resize("1920", fit="insde")  # error
pipe.resize("1920", fti="inside")  # error
pipe.resize(19.5)  # error
pipe.resize("1920").grey().sharpn(0.5)  # error
pipe.blur("much")  # error
pipe.flip("diagonal")  # error
pipe.crop("16:9", gravity="nroth")  # error
pipe.apply("function")  # error
pipe.apply(print, channels="CMYK")  # error
pipe.apply(print)  # error
pipe.apply(abs, window="3")  # error
pipe.apply_batch(abs, sise=3)  # error

imgpar.convert("photos/", "web/", rezise="1920")  # error
imgpar.convert("photos/", "web/", qualty=82)  # error
imgpar.convert("photos/", "web/", quality="much")  # error
imgpar.convert("photos/", "web/", resize="1920", fit="insde")  # error
imgpar.convert("photos/", "web/", to=3)  # error
imgpar.convert("photos/", "web/", jobs="many")  # error
imgpar.convert("photos/", "web/", on_exists="replace")  # error
imgpar.convert("photos/", "web/", strict="maybe")  # error
imgpar.convert(3, "web/")  # error
pipe.run("photos/", "web/", colour_space="srgb")  # error
pipe.run("photos/", "web/", on_event=3)  # error

imgpar.retry("web/", to="webp")  # error
imgpar.retry("web/", in_place=True)  # error
imgpar.retry()  # error
imgpar.undo("photos/", forgt=True)  # error
imgpar.verify(3)  # error

imgpar.dry_run("photos/", "web/", dry_run=True)  # error
imgpar.dry_run("photos/", "web/", resise=3)  # error
print(imgpar.dry_run("photos/", "web/").okay)  # error
print(imgpar.dry_run("photos/", "web/").items[0].status == "ok", imgpar.describe("a.jpg")["size"])  # error
print(imgpar.describe("a.jpg").seconds)  # error
imgpar.describe("a.pdf", "sesame")  # error

pipe.arrays("photos/", strict=True)  # error
pipe.arrays("photos/", channels="BGR")  # error
pipe.arrays("photos/", errors="ignore")  # error
pipe.arrays([3.5])  # error
pipe.array("a.jpg", quality=3)  # error
pipe.encode(7, to="webp")  # error
pipe.encode(b"", jobs=2)  # error
with imgpar.Session(jobs=1) as session:
    session.run(pipe, "photos/", "web/", memory="2G")  # error
    session.arrays(pipe, "photos/", worker_memory="2G")  # error
imgpar.Session(start_method="fork")  # error

print(report.okay)  # error
print(report.items[0].state)  # error
print(report.items[0].status == "ok", report.items[0].outputs[0].size)  # error
report.ok = 3  # error
imgpar.frames("clip.mp4", dtype="float64")  # error
print(next(imgpar.frames("clip.mp4")).times)  # error
print(next(imgpar.frames("clip.mp4", batch=4)).time)  # error
imgpar.VideoWriter("out.mp4", codec="h266")  # error
imgpar.converts("photos/", "web/")  # error
