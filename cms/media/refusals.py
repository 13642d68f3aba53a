"""Why a file is refused: the errors, and the sentences that are said in more than one place."""


class RefusedFile(ValueError):
    """A file that can't be accepted; the text is a sentence for the person who sent it."""


class UnsupportedFile(RefusedFile):
    """The file is not of an accepted kind, or pretends to be (HTTP: 415)."""


class FileTooLarge(RefusedFile):
    """The file has more bytes than allowed (HTTP: 413)."""


class UnusableFile(RefusedFile):
    """The file is empty, or of an accepted kind but cut off, damaged or too large once opened (HTTP: 422)."""


CUT_OFF = "The file is cut off before its end. Export it again and upload the new file."
DAMAGED = "The file is damaged. Open it in an image editor, save it anew, and upload the new file."
TOO_MANY_PARTS = "The file is made of too many parts. Export it anew in a simpler form."
