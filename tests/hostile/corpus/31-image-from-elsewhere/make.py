"""An image with a foreign layer."""
import image

def move(manifest):
    layer = manifest["layers"][0]
    layer["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    layer["urls"] = ["http://127.0.0.1:8030/layer"]


image.write([image.layer(image.file("run", b"x"))], change=move)
