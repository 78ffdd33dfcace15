"""An image of 131 layers."""
import image

image.write([image.layer(image.file("run", b"x"))] * 131)
