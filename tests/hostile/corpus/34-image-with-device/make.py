"""An image with a disk in it."""
import tarfile

import image

disk = tarfile.TarInfo("disk")
disk.type, disk.devmajor, disk.devminor, disk.mode = tarfile.BLKTYPE, 8, 0, 0o666
image.write([image.layer((disk, b""), image.file("run", b"x"))])
