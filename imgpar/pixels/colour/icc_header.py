"""The header of an ICC profile. Nothing heavy is imported here."""


def profile_space(icc: bytes) -> str:
    """The colour space of a profile ("RGB", "GRAY", "CMYK" …); empty when it is not a profile."""
    if len(icc) < 132 or icc[36:40] != b"acsp" or int.from_bytes(icc[:4], "big") > len(icc):
        return ""
    return icc[16:20].decode("latin-1").strip()
