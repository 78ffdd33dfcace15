"""An image whose /dev is a link."""
import image

image.write([image.layer(image.link("dev", "/host"), image.file("run", b"x"))])
