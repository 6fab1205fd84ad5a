"""Pictures out of clips.

stills      which frames are wanted, a sharp poster
sheets      many small frames on one picture: with times to look at, with WebVTT for players
animation   frames for a GIF, WebP, AVIF or PNG
motion      the clip of a motion photo
writing     their files
"""
