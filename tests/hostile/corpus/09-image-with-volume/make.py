"""An image with a volume."""
import image

image.write([image.layer(image.file("run", b"x"))], config={"Volumes": {"/data": {}}})
