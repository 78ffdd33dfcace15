import json
import pathlib
import cv2
