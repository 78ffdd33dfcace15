"""An image whose one layer is a bomb: gzip members follow each other."""
import gzip
import tarfile

import image

header = tarfile.TarInfo("zeros")
header.size = 200 << 20
zeros = gzip.compress(bytes(8 << 20), 9)
bomb = gzip.compress(header.tobuf()) + zeros * 25
image.write_blobs([bomb], [image.digest(b"never compared")])
