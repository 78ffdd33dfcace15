"""An image whose configuration lies."""
import gzip

import image

layer = image.layer(image.file("run", b"x"))
image.write_blobs([gzip.compress(layer)], [image.digest(b"another layer")])
