"""An image that goes away."""
import image

image.write([image.layer(image.file("run", b"gone"))])
