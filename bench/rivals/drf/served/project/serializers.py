from rest_framework import serializers

from project.models import User, is_phone


class AskSerializer(serializers.Serializer):
    phone = serializers.CharField(validators=[is_phone])


class ConfirmSerializer(AskSerializer):
    code = serializers.CharField(max_length=4)


class InviteSerializer(serializers.Serializer):
    code = serializers.CharField(max_length=6)


class InviteeSerializer(serializers.ModelSerializer):
    class Meta:
        model = User
        fields = ["phone"]


class ProfileSerializer(serializers.ModelSerializer):
    activate_code = serializers.SerializerMethodField()
    active_user_code = serializers.CharField(source="inviter.invite_code", default=None)
    activeusers = InviteeSerializer(source="invitees", many=True, read_only=True)

    class Meta:
        model = User
        fields = [
            "id",
            "phone",
            "username",
            "email",
            "invite_code",
            "activate_code",
            "active_user_code",
            "activeusers",
        ]

    def get_activate_code(self, user):
        return user.inviter_id is not None
