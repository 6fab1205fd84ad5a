"""The header of an ICC profile. Nothing heavy is imported here."""

from imgpar.core.blocks import Icc, memoized


@memoized
def profile_space(icc: Icc) -> str:
    """The colour space of a profile ("RGB", "GRAY", "CMYK" …); empty when it is not a profile."""
    if len(icc) < 132 or icc[36:40] != b"acsp" or int.from_bytes(icc[:4], "big") > len(icc):
        return ""
    return icc[16:20].decode("latin-1").strip()


def rgb_or_grey(data: bytes) -> Icc:
    """The profile in a file, if it describes RGB or grey; empty otherwise."""
    icc = Icc(data)
    return icc if profile_space(icc) in ("RGB", "GRAY") else Icc()
