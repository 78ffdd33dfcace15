"""An image whose /proc is a link."""
import image

image.write([image.layer(image.link("proc", "/host"), image.file("run", b"x"))])
