"""An image with ONBUILD."""
import image

image.write([image.layer(image.file("run", b"x"))], config={"OnBuild": ["RUN x"]})
